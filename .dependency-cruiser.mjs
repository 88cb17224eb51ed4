/**
 * The import rule of the house, types included:
 *
 *     frame ← protocol ← transport ← platform ← connection ← fresh ← { cli, rpc, testing }
 *
 * Each layer has a list of what it may import, and all else is refused. test/house/import-rule.test.ts breaks every rule
 * once; a new rule or a new layer belongs there too.
 */

/** node:something, as dependency-cruiser names it once resolved. */
const NODE = { dependencyTypesNot: ["core"] };
/** `/// <reference types="node" />`, by which an entry's declarations bring node's types along. */
const NODE_TYPES = "^node$";
/** Of Node, the protocol takes bytes, random numbers and DEFLATE (RFC 7692), and `process` to load that when it is used. */
const COMPUTATION = "^(node:)?(buffer|crypto|process|zlib)$";

/** The layer `from` may import what `may` lists, and with `node` everything of Node's, but nothing else. */
const only = (name, from, may, { node = false, comment = "" } = {}) => ({
  name,
  severity: "error",
  comment,
  from: { path: from },
  to: { ...(may.length > 0 ? { pathNot: may } : {}), ...(node ? NODE : {}) },
});

/** What `from` takes of `to` must be types: it may know a shape and never run the code behind it. */
const typesOnly = (name, from, to, comment) => ({
  name,
  severity: "error",
  comment,
  from: { path: from },
  to: { path: to, dependencyTypesNot: ["type-only", "type-import"] },
});

/** What rests on nothing, and everything above the protocol may rest on. */
const GROUND_FILES = "frame|escape|nearest|abort";
const GROUND = `^src/(${GROUND_FILES})\\.ts$`;
const CHILDREN = "^src/supervision/(exit-reason|child|child-spec)\\.ts$";
const NAMES = "^src/supervision/names\\.ts$";
const EXIT_REASON = "^src/supervision/exit-reason\\.ts$";
const EXTENSIONS = "^src/protocol/(extension|deflate/(options|permessage-deflate))\\.ts$";
const CHANNEL = "^src/transport/channel\\.ts$";
const TRANSPORT_OPTIONS = "^src/transport/transport-options\\.ts$";
const VERSION = "^src/transport/user-agent\\.ts$";
const ENTRIES = "^src/(index|protocol/index|rpc/index|testing/index|cli/main)\\.ts$";
const PLATFORM_PORT = "^src/platform/platform\\.ts$";

export default {
  forbidden: [
    only("ground-imports-nothing", GROUND, [], {
      comment: "Frames, listening to signals, and two small pure functions on text, rest on nothing.",
    }),
    only("protocol-does-no-io", "^src/protocol/", ["^src/frame\\.ts$", "^src/protocol/", COMPUTATION], {
      comment: "The protocol is bytes in, events out: no socket, no timer, nothing of the layers above it.",
    }),
    only("transport-carries-frames", "^src/transport/", ["^src/frame\\.ts$", "^src/protocol/", "^src/transport/"], {
      node: true,
    }),
    only("platform-is-the-seam", "^src/platform/", ["^src/transport/", "^src/platform/"], { node: true }),
    only(
      "connection-knows-no-bytes",
      "^src/connection/",
      [
        GROUND,
        "^src/behaviour\\.ts$",
        CHANNEL,
        TRANSPORT_OPTIONS,
        "^src/connection/",
        CHILDREN,
        NAMES,
        "^src/platform/",
      ],
      { comment: "No node: module and nothing of protocol: a browser build is only another #platform." },
    ),
    // transport-options.ts is different: it is a table, and the options' validation reads it.
    typesOnly("connection-knows-the-channel-by-type", "^src/connection/", CHANNEL, "The code comes through #platform."),
    {
      name: "platform-by-its-name",
      severity: "error",
      comment: "Import #platform: which file that is depends on where the library runs.",
      from: { pathNot: "^src/platform/" },
      to: { path: "^src/platform/", pathNot: PLATFORM_PORT, dependencyTypesNot: ["aliased-subpath-import"] },
    },
    typesOnly(
      "platform-port-by-type",
      "^src/(?!platform/)",
      PLATFORM_PORT,
      "The port is a shape; #platform is the code.",
    ),
    only("behaviour-is-a-contract", "^src/behaviour\\.ts$", [
      "^src/frame\\.ts$",
      "^src/connection/(errors|option-types)\\.ts$",
      CHILDREN,
    ]),
    typesOnly(
      "behaviour-runs-nothing",
      "^src/behaviour\\.ts$",
      `^src/frame\\.ts$|^src/connection/option-types\\.ts$|${CHILDREN}`,
      "Of what it imports only the errors may be values.",
    ),
    only(
      "supervision-knows-children",
      "^src/supervision/",
      ["^src/supervision/", "^src/(escape|nearest)\\.ts$", "^src/platform/"],
      {
        comment:
          "A supervisor knows the Child shape, and no connection; of the machine it takes the clock and the log.",
      },
    ),
    only("fresh-is-the-front-door", "^src/fresh\\.ts$", [
      GROUND,
      "^src/behaviour\\.ts$",
      "^src/connection/",
      "^src/supervision/",
      "^src/platform/",
    ]),
    only("index-re-exports", "^src/index\\.ts$", [
      GROUND,
      "^src/behaviour\\.ts$",
      NODE_TYPES,
      TRANSPORT_OPTIONS,
      EXTENSIONS,
      "^src/connection/",
      "^src/supervision/",
      "^src/fresh\\.ts$",
    ]),
    only(
      "testing-is-a-peer",
      "^src/testing/",
      [
        "^src/(frame|nearest)\\.ts$",
        "^src/protocol/",
        "^src/transport/",
        PLATFORM_PORT,
        "^src/(index|fresh|behaviour)\\.ts$",
        NODE_TYPES,
        "^src/testing/",
      ],
      { node: true },
    ),
    only(
      "cli-is-a-user",
      "^src/cli/",
      [GROUND, "^src/index\\.ts$", "^src/testing/", VERSION, EXIT_REASON, "^src/cli/"],
      {
        node: true,
        comment: "The command uses the library as everybody does, tells its version, and puts exit reasons into words.",
      },
    ),
    only("rpc-is-a-user", "^src/rpc/", [GROUND, "^src/index\\.ts$", "^src/rpc/"], {
      comment:
        "Calls and subscriptions stand on the public interface, and on one listener a signal; they run wherever it does.",
    }),
    {
      name: "every-file-has-a-layer",
      severity: "error",
      comment: "A new file at the top of src/, or a new folder, needs a rule of its own here first.",
      from: {
        path: "^src/",
        pathNot: `^src/((${GROUND_FILES}|behaviour|fresh|index)\\.ts$|(protocol|transport|platform|connection|supervision|testing|rpc|cli)/)`,
      },
      to: {},
    },
    {
      name: "no-cycles",
      severity: "error",
      comment: "Types count: two files that need each other are one idea, or hide a third.",
      from: { path: "^src/" },
      to: { circular: true },
    },
    {
      name: "no-orphans",
      severity: "error",
      comment: "Every file is reached from an entry of package.json.",
      from: { path: ENTRIES },
      to: { path: "^src/", pathNot: ENTRIES, reachable: false },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js"],
      exportsFields: ["exports"],
      conditionNames: ["everfresh-source", "import", "node", "default", "types"],
    },
  },
};
