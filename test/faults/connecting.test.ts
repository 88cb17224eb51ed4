import { CONNECT } from "./phases/connect.ts";
import { PROVIDER } from "./phases/provider.ts";
import { RESOLVE } from "./phases/resolve.ts";
import { TLS } from "./phases/tls.ts";
import { testPhases } from "./test-phases.ts";

testPhases(PROVIDER, RESOLVE, CONNECT, TLS);
