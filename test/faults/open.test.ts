import { IDLE } from "./phases/idle.ts";
import { RECEIVING } from "./phases/receiving.ts";
import { SENDING } from "./phases/sending.ts";
import { testPhases } from "./test-phases.ts";

testPhases(IDLE, RECEIVING, SENDING);
