import { relative } from "node:path";

/** A path as people would type it from here: relative when it lies below the working folder. */
export const nearby = (path: string): string => {
  const from = relative(process.cwd(), path);
  return from === "" || from.startsWith("..") ? path : from;
};
