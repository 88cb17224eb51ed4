/**
 * The lock file is one that `npm ci` takes on every platform, and says nothing of the machine that wrote it.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

type Package = {
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

const ROOT = new URL("../../", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"));
const lock: { readonly packages: Readonly<Record<string, Package>> } = JSON.parse(
  readFileSync(new URL("package-lock.json", ROOT), "utf8"),
);

test("the lock file holds the optional packages of every platform", () => {
  // npm leaves out those that the registry in use doesn't have, and npm ci then refuses the file everywhere.
  const missing = Object.values(lock.packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => !Object.keys(lock.packages).some((path) => path.endsWith(`node_modules/${name}`)));
  assert.deepEqual(missing, []);
});

test("the lock file names no registry: npm asks the one that its user has set", () => {
  const addresses = Object.values(lock.packages).flatMap(({ resolved }) => resolved ?? []);
  assert.deepEqual(addresses, []);
});

test("the package has no dependency at run time", () => {
  assert.equal(manifest.dependencies, undefined);
  assert.deepEqual(Object.keys(manifest.peerDependencies), ["@types/node"]);
  assert.deepEqual(manifest.peerDependenciesMeta, { "@types/node": { optional: true } });
});

test("every package with an install script is decided on in allowScripts, so that npm has nothing to warn of", () => {
  const undecided = Object.entries(lock.packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ""))
    .filter((name) => !(name in manifest.allowScripts));
  assert.deepEqual(undecided, []);
});
