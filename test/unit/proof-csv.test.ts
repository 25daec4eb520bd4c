import assert from "node:assert/strict";
import { test } from "node:test";
import { csvCell } from "../../src/render/proof-csv.ts";

test("no cell begins as a formula, and a cell's quotes, commas and lines stay in it", () => {
  const table = [
    ["acme", "acme"],
    ["=1+1", "'=1+1"],
    ["+49", "'+49"],
    ["-minus", "'-minus"],
    ["@sum", "'@sum"],
    ["\t=1", "'\t=1"],
    [" =1", "' =1"],
    ["\uFF1D1", "'\uFF1D1"],
    ['=HYPERLINK("http://evil.example","x")', `"'=HYPERLINK(""http://evil.example"",""x"")"`],
    ["two\nlines", '"two\nlines"'],
    ['a "b", c', '"a ""b"", c"'],
    [-4, "-4"],
    [0, "0"],
    [null, ""],
    [undefined, ""],
  ] as const;
  for (const [value, cell] of table) assert.equal(csvCell(value), cell);
});
