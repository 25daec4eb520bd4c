import { startApi } from "../../src/processes/api.ts";
import { atEnd } from "./at-end.ts";
import { type Pipeline, startPipeline } from "./pipeline.ts";

/** The pages as a browser gets them, over a pipeline of their own that sends nothing unless told to run. */
export type Site = Pipeline & {
  /** `http://127.0.0.1:<port>`; links name `parts.config.publicUrl` instead. */
  address: string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** Sends a form; redirects are not followed. */
  post(path: string, form?: Record<string, string>, headers?: Record<string, string>): Promise<Response>;
  /** The path of a partner's page, as its mails have it. */
  pageOf(partner: string, change: string | null): string;
};

export const ADMIN_KEY = "an-admin-key-of-this-test";

export const startSite = async (options: Parameters<typeof startPipeline>[0] = {}): Promise<Site> => {
  const pipeline = await startPipeline({ running: false, ...options });
  const config = { ...pipeline.parts.config, port: 0, adminKey: ADMIN_KEY };
  const api = await startApi({ ...pipeline.parts, config });
  atEnd(() => api.stop());
  return {
    ...pipeline,
    address: api.address,
    get: (path, headers = {}) => fetch(`${api.address}${path}`, { headers, redirect: "manual" }),
    post: (path, form = {}, headers = {}) =>
      fetch(`${api.address}${path}`, { method: "POST", body: new URLSearchParams(form), headers, redirect: "manual" }),
    pageOf: (partner, change) => `/p/${pipeline.parts.keyring.pageToken(partner, change)}`,
  };
};
