import type { Proof } from "../flow/prove.ts";

/** INTERFACE, "Proof", written as the partners come; the totals stand at the end, for only then are they known. */
export async function* proofJson({ head, partners, totals }: Proof): AsyncGenerator<string, void, undefined> {
  yield `${JSON.stringify(head).slice(0, -1)},"partners":[`;
  let first = true;
  for await (const proof of partners) {
    yield `${first ? "" : ","}${JSON.stringify(proof)}`;
    first = false;
  }
  yield `],"totals":${JSON.stringify(totals)}}`;
}
