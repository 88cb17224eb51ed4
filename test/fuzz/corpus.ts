/**
 * The corpus: a folder for each kind of input, in it a file for each seed, whose name says what it is. Findings of the
 * fuzzer are written there too and stay, so that what was wrong once is tried in every run.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { seedOf } from "./random.ts";

export type Seed = { readonly name: string; readonly bytes: Uint8Array };

const ROOT = fileURLToPath(new URL("corpus/", import.meta.url));

/** The folders, which are the kinds of input. */
export function corpora(): readonly string[] {
  return readdirSync(ROOT).sort();
}

/** Where the seeds of a kind are. */
export function folderOf(corpus: string): string {
  return join(ROOT, corpus);
}

/** The seeds of a kind, in the order of their names. Throws when there is none. */
export function seedsOf(corpus: string): readonly Seed[] {
  return readdirSync(join(ROOT, corpus))
    .sort()
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(ROOT, corpus, name))) }));
}

/** Keeps an input that a check failed on, and gives its path. */
export function keepFinding(corpus: string, target: string, bytes: Uint8Array): string {
  const hash = seedOf(bytes).toString(16).padStart(8, "0");
  const path = join(ROOT, corpus, `finding-${target}-${hash}.bin`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** One seed by its path, and the kind that its folder says it is. */
export function seedAt(path: string): Seed & { readonly corpus: string } {
  return {
    name: basename(path),
    corpus: basename(dirname(resolve(path))),
    bytes: new Uint8Array(readFileSync(path)),
  };
}
