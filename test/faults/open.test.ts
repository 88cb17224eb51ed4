import { IDLE } from "./phases/idle.ts";
import { testPhases } from "./test-phases.ts";

testPhases(IDLE);
