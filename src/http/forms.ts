import type { FastifyRequest } from "fastify";
import type { Server } from "./route.ts";

/** More than any form of the pages holds. */
const FORM_BYTES = 64 * 1024;

/** Whether a page's form sends it, and so a person in front of a browser. */
export const isForm = ({ headers }: Pick<FastifyRequest, "headers">): boolean =>
  headers["content-type"]?.toLowerCase().startsWith("application/x-www-form-urlencoded") === true;

/**
 * Reads the bodies of the pages' forms. What comes as `multipart/form-data` is not read: only one-click unsubscribing is
 * sent so, where the address says everything (RFC 8058, 3.1).
 */
export const readForms = (scope: Server): void => {
  scope.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: FORM_BYTES },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  );
  scope.addContentTypeParser("multipart/form-data", { parseAs: "buffer", bodyLimit: FORM_BYTES }, async () => ({}));
};
