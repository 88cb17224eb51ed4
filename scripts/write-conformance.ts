/**
 * Writes docs/conformance.md from the requirements in test/conformance: `npm run docs`.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { conformancePage } from "./conformance-page.ts";

writeFileSync(fileURLToPath(new URL("../docs/conformance.md", import.meta.url)), conformancePage());
