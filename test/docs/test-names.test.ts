/**
 * A named test is found where it is, and only there.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, it, test } from "node:test";
import { ROOT } from "./pages.ts";
import { hasTest } from "./test-names.ts";

const HERE = "test/docs/test-names.test.ts";

describe("a suite", () => {
  it("holds a test", () => {
    assert.ok(hasTest(HERE, "a suite > holds a test"));
    assert.ok(!hasTest(HERE, "holds a test"));
    assert.ok(!hasTest(HERE, "another > holds a test"));
  });
});

for (const colour of ["red", "green"]) {
  test(`of a loop, with a value in its name: ${colour} paint`, () => {
    assert.ok(hasTest(HERE, "of a loop, with a value in its name: … paint"));
    assert.ok(hasTest(HERE, `of a loop, with a value in its name: ${colour} paint`));
    // Put together, so that it stands nowhere in this file.
    assert.ok(!hasTest(HERE, `of a loop, with a value in its name: ${colour.toUpperCase()} paint`));
  });
}

test("a test has subtests", async (t) => {
  await t.test("one of them", () => {
    assert.ok(hasTest(HERE, "a test has subtests > one of them"));
  });
});

test("a test that isn't there is not found, nor one of a file that isn't there", () => {
  assert.ok(!hasTest(HERE, ["no such", "test"].join(" ")));
  assert.ok(!hasTest("test/docs/nowhere.test.ts", "a test has subtests"));
});

test("a test that is skipped, or still to be written, is not found", () => {
  const folder = mkdtempSync(join(tmpdir(), "everfresh-"));
  const file = join(folder, "skipped.test.ts");
  const tests = ["test.skip('a');", "test('b', { skip: 'why' });", "it('c', { todo: true }, run);", "it('d', run);"];
  writeFileSync(file, tests.join("\n"));
  try {
    const path = relative(ROOT, file);
    assert.deepEqual(
      ["a", "b", "c", "d"].filter((name) => hasTest(path, name)),
      ["d"],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
