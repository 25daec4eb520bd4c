import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { getTableName, isTable } from "drizzle-orm";
import { STATES_PAGE, withStates } from "../../docs/print-states.ts";
import { makeProgram } from "../../src/cli/program.ts";
import { makeTerminal } from "../../src/cli/terminal.ts";
import { systemClock } from "../../src/clock.ts";
import { CHANGE_STATUSES } from "../../src/domain/change.ts";
import { TRANSITIONS } from "../../src/domain/delivery.ts";
import { EVENT_DATA, EVENT_TYPE_PREFIX, ENVELOPE, readEvent } from "../../src/domain/event.ts";
import { NOTICE_KINDS, NOTICE_STATUSES } from "../../src/domain/notice.ts";
import { DEFAULT_POLICY, readPolicy } from "../../src/domain/policy.ts";
import { newPartner } from "../../src/http/shapes/partner.ts";
import { newService } from "../../src/http/shapes/service.ts";
import * as changesSchema from "../../src/ledger/schema/changes.ts";
import * as deliveriesSchema from "../../src/ledger/schema/deliveries.ts";
import * as evidenceSchema from "../../src/ledger/schema/evidence.ts";
import * as partiesSchema from "../../src/ledger/schema/parties.ts";
import { QUEUE_NAMES } from "../../src/queue/queues.ts";
import { noticeView } from "../../src/render/notice-view.ts";
import { TEMPLATES } from "../../src/render/templates.ts";
import { wordsFor } from "../../src/render/words.ts";
import { newSecret, sign } from "../../src/senders/signature.ts";
import { VARIABLES } from "../../src/variables.ts";

const schema = { ...changesSchema, ...deliveriesSchema, ...evidenceSchema, ...partiesSchema };

const ROOT = resolve(import.meta.dirname, "../..");
const PAGES = ["README.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: ROOT })];
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const readme = read("README.md");
const architecture = read("docs/architecture.md");

/** The text below a heading, up to the next one of any depth. */
const section = (page: string, heading: string): string => {
  const [, below] = page.split(new RegExp(`^#+ ${heading}$`, "m"));
  assert.ok(below, `there is a section "${heading}"`);
  return below.split(/^#+ /m)[0] ?? "";
};

/** Rows of every table in `text`, without heads and rules, as their cells. */
const rows = (text: string): string[][] =>
  [...text.replace(/^\|.*\|\n\|---.*$/gm, "").matchAll(/^\|(.+)\|$/gm)].map(([, row = ""]) =>
    row.split(" | ").map((cell) => cell.trim()),
  );

const names = (cells: string): string[] => [...cells.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);

const allPages = (find: RegExp): { page: string; found: string }[] =>
  PAGES.flatMap((page) => [...read(page).matchAll(find)].map(([, found = ""]) => ({ page, found })));

describe("README", () => {
  test("the configuration table has every variable that is read, each once, and no other", () => {
    const documented = rows(section(readme, "Configuration")).flatMap(([cell = ""]) => names(cell));
    assert.deepEqual(documented.toSorted(), Object.keys(VARIABLES).toSorted());
  });

  test("the configuration table gives each fixed default as it is", () => {
    const given = new Map(rows(section(readme, "Configuration")).map(([name = "", value = ""]) => [name, value]));
    for (const [name, value] of Object.entries(VARIABLES))
      if (typeof value === "string" || typeof value === "number")
        assert.equal(given.get(`\`${name}\``), `\`${value}\``, name);
  });

  test("the events, services and partners that its curls send are valid", () => {
    const bodies = [...readme.matchAll(/\$API\/(\w+) .*'(\{.+\})'$/gm)];
    const valid: Record<string, (body: unknown) => boolean> = {
      events: (body) => "event" in readEvent(body),
      services: (body) => newService.safeParse(body).success,
      partners: (body) => newPartner.safeParse(body).success,
    };
    assert.deepEqual(
      bodies.map(([, resource = "", body = ""]) => [resource, valid[resource]?.(JSON.parse(body))]),
      [
        ["services", true],
        ["partners", true],
        ["events", true],
      ],
    );
  });

  test("every suite or test file that it tells to run exists", () => {
    const told = [...readme.matchAll(/npm test -- ([^`]+)`/g)].flatMap(([, list = ""]) => list.split(" "));
    assert.ok(told.length > 0);
    for (const one of told)
      assert.ok(existsSync(join(ROOT, one.includes("/") ? one : `test/${one}`)), `there is no ${one}`);
  });
});

describe("commands in the documentation", () => {
  test("every npm command is npm's own or a script of package.json", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const commands = allPages(/\bnpm ((?:run )?[a-z][\w:-]*)/g).filter(({ found }) => found !== "ci");
    assert.ok(commands.length > 0);
    for (const { page, found } of commands) {
      const script = found.replace(/^run /, "");
      if (["start", "test"].includes(script) || found.startsWith("run "))
        assert.ok(script in scripts, `${page} says npm ${found}, and package.json has no such script`);
    }
  });

  test("every forewarn command is one of the command line's", () => {
    const program = makeProgram({
      terminal: makeTerminal(process.stdout, process.stderr),
      client: () => assert.fail("nothing is called"),
      stdin: Readable.from([]),
      clock: systemClock,
    });
    const known = program.commands.map((command) => command.name());
    const said = allPages(/(?:npx |`)forewarn ([a-z-]+)/g);
    assert.ok(said.length > 0);
    for (const { page, found } of said) assert.ok(known.includes(found), `${page} says forewarn ${found}`);
  });
});

describe("docs/architecture.md", () => {
  test("the state diagrams are what the tables print", () => {
    const page = readFileSync(STATES_PAGE, "utf8");
    assert.equal(page, withStates(page), "run node docs/print-states.ts --write");
  });

  test("every move of a delivery has a row that says who makes it, and no other move has one", () => {
    const moves = Object.entries(TRANSITIONS).flatMap(([from, to]) => to.map((state) => `${from} → ${state}`));
    assert.deepEqual(
      rows(section(architecture, "Delivery"))
        .map(([move = ""]) => move)
        .toSorted(),
      moves.toSorted(),
    );
  });

  test("every state of notices and changes has a row", () => {
    const states = (heading: string) => rows(section(architecture, heading)).map(([state]) => state);
    assert.deepEqual(states("Notice"), NOTICE_STATUSES);
    assert.deepEqual(states("Change"), CHANGE_STATUSES);
  });

  test("every table of the ledger has a row, and every row a table", () => {
    const tables = Object.values(schema)
      .filter((one) => isTable(one))
      .map((table) => getTableName(table));
    const documented = rows(section(architecture, "The ledger's tables")).flatMap(([cell = ""]) => names(cell));
    assert.deepEqual(documented.toSorted(), tables.toSorted());
  });

  test("every queue has its place, and every place its queue", () => {
    const documented = rows(section(architecture, "Queues")).flatMap(([cell = ""]) => names(cell));
    assert.deepEqual(documented, QUEUE_NAMES);
  });

  test("every arrow of src/flow has its sentence", () => {
    const arrows = globSync("src/flow/*.ts", { cwd: ROOT });
    const documented = [...architecture.matchAll(/`(src\/flow\/[^`]+\.ts)`/g)].map(([, file = ""]) => file);
    assert.deepEqual(documented.toSorted(), arrows.toSorted());
  });
});

const blocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(([, code = ""]) => code);

/** The names in the first column of every table below a heading. */
const firstNames = (page: string, heading: string): string[] =>
  rows(section(page, heading)).flatMap(([cell = ""]) => names(cell));

describe("docs/policy.md", () => {
  const page = read("docs/policy.md");

  test("the defaults that it prints are the built-in policy, and its example is a good file", () => {
    const [defaults, ...examples] = blocks(page, "json").map((block): unknown => JSON.parse(block));
    assert.deepEqual(defaults, DEFAULT_POLICY);
    assert.ok(examples.length > 0);
    for (const example of examples) assert.ok("policy" in readPolicy(example));
  });

  test("every field has its row, and every row a field", () => {
    const perChannel = ["retries", "timeouts"];
    const fields = Object.keys(DEFAULT_POLICY).flatMap((name) =>
      perChannel.includes(name) ? [`${name}.webhook`, `${name}.email`] : [name],
    );
    const ofCategory = ["notices", "minimumNotice", "releaseWithin", "lane"];
    assert.deepEqual(firstNames(page, "Fields").toSorted(), [...fields, ...ofCategory].toSorted());
  });
});

describe("docs/events.md", () => {
  const page = read("docs/events.md");

  test("its example is a valid event", () => {
    for (const block of blocks(page, "json")) assert.ok("event" in readEvent(JSON.parse(block)));
  });

  test("every type, attribute and field has its row, and every row is one", () => {
    const kinds = Object.keys(EVENT_DATA).map((kind) => EVENT_TYPE_PREFIX + kind);
    assert.deepEqual(firstNames(page, "Types").toSorted(), kinds.toSorted());
    assert.deepEqual(firstNames(page, "The envelope").toSorted(), Object.keys(ENVELOPE.shape).toSorted());
    const fields = new Set(Object.values(EVENT_DATA).flatMap(({ shape }) => Object.keys(shape)));
    // It stands beside its only type.
    fields.delete("releasedAt");
    assert.deepEqual(firstNames(page, "Fields").toSorted(), [...fields].toSorted());
  });
});

describe("docs/webhooks.md", () => {
  const page = read("docs/webhooks.md");

  test("its recipe takes what is signed, also beside a former secret, and nothing else", async () => {
    const [recipe = ""] = blocks(page, "js");
    const { verify } = (await import(`data:text/javascript,${encodeURIComponent(recipe)}`)) as {
      verify: (secret: string, headers: Record<string, string>, body: Buffer) => unknown;
    };
    const [secret, former, other] = [newSecret(), newSecret(), newSecret()];
    const id = "msg_hm5fnvfmqyvbeerugzgoypvlo3";
    const body = Buffer.from('{"type":"forewarn.notice.test"}');
    const headersAt = (timestamp: number) => ({
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": sign({ id, timestamp, body, secrets: [secret, former] }),
    });
    const now = Math.floor(Date.now() / 1_000);
    for (const live of [secret, former])
      assert.deepEqual(verify(live, headersAt(now), body), { type: "forewarn.notice.test" });
    assert.throws(() => verify(other, headersAt(now), body), /not signed/);
    assert.throws(() => verify(secret, headersAt(now), Buffer.from("{}")), /not signed/);
    assert.throws(() => verify(secret, headersAt(now - 301), body), /too old/);
    assert.throws(() => verify(secret, {}, body), /too old/);
  });

  test("every kind of notice that goes by webhook has its row", () => {
    const kinds = NOTICE_KINDS.filter((kind) => kind !== "endpoint-disabled");
    assert.deepEqual(
      firstNames(page, "Types"),
      kinds.map((kind) => `forewarn.notice.${kind}`),
    );
  });
});

describe("the templates in docs/operations.md", () => {
  test("every file and variable has its row, and every row is one", () => {
    const named = firstNames(read("docs/operations.md"), "Templates");
    const view = noticeView({
      content: {
        notice: { no: 0, id: "n", kind: "test", offset: null, lane: "urgent", dueAt: "2027-01-01T00:00:00.000Z" },
        change: null,
        previous: {},
        reason: null,
        sequence: 0,
        verdict: null,
        releasedAt: null,
        services: {},
        policyZone: "UTC",
      },
      zones: { partner: "UTC", policy: "UTC" },
      words: wordsFor("en"),
      now: new Date("2027-01-01T00:00:00Z"),
    });
    const own = ["own.greeting", "own.why", "own.page", "own.unsubscribe"];
    assert.deepEqual(named.toSorted(), [...TEMPLATES, ...own, ...Object.keys(view)].toSorted());
  });
});

describe("what the documentation names", () => {
  test("every file and folder of the project that a page names exists", () => {
    const named = allPages(/`((?:src|workers|test|docs|sample|bench)\/[\w./-]*)`/g);
    assert.ok(named.length > 0);
    for (const { page, found } of named) assert.ok(existsSync(join(ROOT, found)), `${page} names ${found}`);
  });

  test("every relative link leads to a file", () => {
    const links = allPages(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g);
    assert.ok(links.length > 0);
    for (const { page, found } of links)
      assert.ok(existsSync(join(ROOT, dirname(page), found)), `${page} links to ${found}`);
  });

  test("every call of the API that a page names is a route", () => {
    const sources = globSync("src/http/routes/*.ts", { cwd: ROOT }).map(read).join("\n");
    const routes = new Set(
      [...sources.matchAll(/app\.(\w+)\(\s*"([^"]+)"/g)].map(
        ([, method = "", path]) => `${method.toUpperCase()} ${path}`,
      ),
    );
    const named = allPages(/`((?:GET|POST|PUT|PATCH|DELETE) \/[^`?]*)/g);
    assert.ok(named.length > 0);
    for (const { page, found } of named)
      assert.ok(routes.has(found.replace(/\{(\w+)\}/g, ":$1")), `${page} names ${found}`);
  });

  test("every scenario of the fault tests is described in docs/reliability.md, and none is seen there to lose anything", () => {
    const reliability = read("docs/reliability.md");
    const tests = [...globSync("test/fault/*.test.ts", { cwd: ROOT }), "test/e2e/bad-endpoints.test.ts"]
      .map(read)
      .join("\n");
    const scenarios = [...tests.matchAll(/(?:scenario: |report\(t, cluster, )(["`])(.+?)\1/g)].map(
      ([, , name = ""]) => name,
    );
    assert.ok(scenarios.length > 0);
    const described = rows(section(reliability, "The fault tests")).map(([cell = ""]) => cell);
    for (const scenario of scenarios.flatMap((name) =>
      ["webhook", "email"].map((it) => name.replace("${channel}", it)),
    ))
      assert.ok(
        described.some((cell) => cell.includes(scenario.replace("SIGKILL of ", ""))),
        `there is no row for "${scenario}"`,
      );
    for (const [scenario = "", , , lost, duplicated, inFlight] of rows(section(reliability, "Seen"))) {
      assert.equal(lost, "0", scenario);
      assert.ok(Number(duplicated) <= Number(inFlight), scenario);
    }
  });

  test("every log line of docs/operations.md is written somewhere in src", () => {
    const sources = globSync("src/**/*.ts", { cwd: ROOT }).map(read).join("\n");
    const lines = rows(section(read("docs/operations.md"), "Logs")).flatMap(([cell = ""]) => names(cell));
    assert.ok(lines.length > 0);
    for (const line of lines) assert.ok(sources.includes(`"${line}"`), `nothing logs "${line}"`);
  });

  test("every metric of docs/operations.md is measured", () => {
    const metrics = [...new Set([...read("docs/operations.md").matchAll(/`(forewarn_\w+)`/g)].map(([, name]) => name))];
    assert.ok(metrics.length > 0);
    const sources = globSync("src/**/*.ts", { cwd: ROOT }).map(read).join("\n");
    for (const metric of metrics) assert.ok(sources.includes(`"${metric}"`), `nothing measures ${metric}`);
  });
});
