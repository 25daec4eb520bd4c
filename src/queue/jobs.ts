import { z } from "zod";

const id = z.string().min(1).max(200);

/** What each internal job carries: ids only. A job's data is parsed before it is believed. */
export const planJob = z.union([
  z.object({ change: id, revision: z.int().positive(), due: z.array(id).optional() }),
  z.object({ creations: z.array(id) }),
]);
export const noticeJob = z.object({ notice: id });
export const chunkJob = z.object({
  chunk: z.int().positive(),
  run: z.int().positive(),
  notice: z.int().positive().optional(),
});
