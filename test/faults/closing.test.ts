import { CLOSED_BY_PEER } from "./phases/closed-by-peer.ts";
import { CLOSING } from "./phases/closing.ts";
import { WAITING } from "./phases/waiting.ts";
import { testPhases } from "./test-phases.ts";

testPhases(CLOSING, CLOSED_BY_PEER, WAITING);
