import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { corkForThisTurn } from "../../src/senders/cork.ts";

/** A socket that notes what it is given at once. */
const noting = (notes: string[]): Writable =>
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      notes.push(chunk.toString());
      done();
    },
    writev: (chunks, done) => {
      notes.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      done();
    },
  });

test("what is written in one turn of the event loop goes out at its end, in one piece for each socket", async () => {
  const [ones, others]: [string[], string[]] = [[], []];
  const [one, other] = [noting(ones), noting(others)];
  corkForThisTurn(one);
  one.write("MAIL ");
  corkForThisTurn(other);
  other.write("DATA");
  // Asked twice, as by what came in and by the next mail.
  corkForThisTurn(one);
  one.write("RCPT");
  assert.deepEqual([ones, others], [[], []]);
  await turn();
  assert.deepEqual([ones, others], [["MAIL RCPT"], ["DATA"]]);
});

test("in the next turn a write goes out as ever", async () => {
  const notes: string[] = [];
  const socket = noting(notes);
  corkForThisTurn(socket);
  await turn();
  socket.write("QUIT");
  assert.deepEqual(notes, ["QUIT"]);
});
