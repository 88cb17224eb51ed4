import { ANSWERING, UPGRADE } from "./phases/upgrade.ts";
import { testPhases } from "./test-phases.ts";

testPhases(UPGRADE, ANSWERING);
