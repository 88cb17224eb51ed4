/**
 * Writes the complaints into docs/resilience.md: `npm run docs`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withPains } from "./pains-section.ts";

const page = fileURLToPath(new URL("../docs/resilience.md", import.meta.url));
writeFileSync(page, withPains(readFileSync(page, "utf8")));
