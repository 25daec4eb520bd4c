import assert from "node:assert/strict";
import type { TestApi } from "./api.ts";

/** A partner's row of a proof. */
export type Row = {
  partner: string;
  obligation: string;
  toldAt: string | null;
  channel: string | null;
  rung: string | null;
  evidence: Record<string, string>;
  noticeDays: number | null;
  noticeMonths: number | null;
  reason?: string;
  waiver?: { by: string };
  acknowledgement?: { status: string; revision: number; note?: string };
  unreachable?: true;
  closed?: unknown[];
};

/** A proof as the API answers it. */
export type ProofBody = {
  revision: number;
  releaseAt: string;
  minimum: string | null;
  seal: { no: number; seal: string } | null;
  totals: Record<string, number>;
  partners: Row[];
};

export type Proofs = {
  proofOf: (change: string) => Promise<ProofBody>;
  rowOf: (change: string, partner: string) => Promise<Row>;
};

/** Proofs as a key of scope `read` gets them. */
export const proofsOf = (api: TestApi): Proofs => {
  const proofOf = async (change: string): Promise<ProofBody> => {
    const answer = await api.call("GET", `/v1/changes/${change}/proof`, { key: api.keys.read });
    assert.equal(answer.statusCode, 200, answer.body);
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
    return answer.json<ProofBody>();
  };

  const rowOf = async (change: string, partner: string): Promise<Row> => {
    const row = (await proofOf(change)).partners.find((one) => one.partner === partner);
    assert.ok(row, `${partner} is in the proof of ${change}`);
    return row;
  };
  return { proofOf, rowOf };
};
