import { PREDECESSOR } from "./phases/predecessor.ts";
import { SUCCESSOR } from "./phases/successor.ts";
import { testPhases } from "./test-phases.ts";

testPhases(SUCCESSOR, PREDECESSOR);
