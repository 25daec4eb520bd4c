import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { faultsOf, pathOf, unknownName } from "../../src/domain/fault.ts";
import {
  canonicalJson,
  compressPolicy,
  DEFAULT_POLICY,
  demandOf,
  laneOf,
  policyHash,
  policySchema,
  readPolicy,
} from "../../src/domain/policy.ts";

/** INTERFACE: "Policy file", to the letter, and `escalateAt`, which is ours. */
const INTERFACE_POLICY = {
  timeZone: "Europe/Paris",
  sendAt: "09:00",
  categories: {
    normal: { notices: [] },
    major: { minimumNotice: "P1M", notices: ["announcement", "-P1M", "-P14D", "-P7D", "-P1D"] },
    majorCritical: {
      minimumNotice: "P3M",
      notices: ["announcement", "-P3M", "-P2M", "-P1M", "-P14D", "-P7D", "-P1D"],
    },
    emergency: { releaseWithin: "P14D", notices: ["announcement", "-P1D"], lane: "urgent" },
  },
  retries: {
    webhook: ["PT5S", "PT5M", "PT30M", "PT2H", "PT5H", "PT10H", "PT14H", "PT20H", "PT24H"],
    email: ["PT1M", "PT5M", "PT15M", "PT1H", "PT4H", "PT12H", "PT24H", "PT24H"],
  },
  disableAfter: "P5D",
  escalateAt: "-P14D",
  heldDays: ["Saturday", "Sunday"],
  onRelease: false,
  timeouts: { webhook: "PT15S", email: "PT15S" },
};

const read = (json: unknown) => {
  const result = readPolicy(json);
  assert.ok("policy" in result, JSON.stringify(result));
  return result.policy;
};

const faultsIn = (json: unknown): Record<string, string> => {
  const result = readPolicy(json);
  assert.ok("faults" in result, "it was accepted");
  return Object.fromEntries(result.faults.map(({ path, message }) => [path, message]));
};

suite("the policy file", () => {
  test("the default is the interface's, and a file that says it all changes nothing", () => {
    assert.deepEqual(DEFAULT_POLICY, INTERFACE_POLICY);
    assert.deepEqual(read(INTERFACE_POLICY), INTERFACE_POLICY);
    assert.deepEqual(read({}), INTERFACE_POLICY);
  });

  test("a list is replaced as a whole and what is absent keeps its default", () => {
    const policy = read({
      sendAt: "07:30",
      categories: { major: { notices: ["announcement", "-PT3S"] }, emergency: { releaseWithin: "P7D" } },
      retries: { webhook: [] },
      onRelease: true,
    });
    assert.deepEqual(policy, {
      ...INTERFACE_POLICY,
      sendAt: "07:30",
      categories: {
        ...INTERFACE_POLICY.categories,
        major: { minimumNotice: "P1M", notices: ["announcement", "-PT3S"] },
        emergency: { releaseWithin: "P7D", notices: ["announcement", "-P1D"], lane: "urgent" },
      },
      retries: { ...INTERFACE_POLICY.retries, webhook: [] },
      onRelease: true,
    });
  });

  test("an abbreviation for the zone becomes the region that it stands for", () => {
    const read = readPolicy({ timeZone: "CET" });
    assert.ok("policy" in read);
    assert.equal(read.policy.timeZone, "Europe/Brussels");
  });

  test("reading a file leaves the default as it was", () => {
    read({ categories: { major: { notices: [] } }, retries: { email: ["PT1S"] } });
    assert.deepEqual(DEFAULT_POLICY, INTERFACE_POLICY);
  });

  test("every fault is named at once, with its place, its problem and the remedy", () =>
    assert.deepEqual(
      faultsIn({
        timezone: "Europe/Paris",
        timeZone: "Mars/Olympus",
        sendAt: "9:00",
        categories: {
          mjor: {},
          major: {
            minimumNotise: "P1M",
            minimumNotice: "1M",
            notices: ["announcement", "-P7D", "P1D", 3, "-P1W", "announcement"],
          },
          emergency: { lane: "fast" },
        },
        retries: { webhook: ["P1M", "PT5S"], sms: [] },
        disableAfter: "P1M",
        heldDays: ["Samstag"],
        onRelease: "yes",
        timeouts: { email: "PT10M" },
      }),
      {
        timezone: "is unknown, did you mean timeZone?",
        timeZone: "is not a time zone that is known here; use an IANA name such as Europe/Paris",
        sendAt: "is not a time of day; write it as 09:00",
        "categories.mjor": "is unknown, did you mean major?",
        "categories.major.minimumNotise": "is unknown, did you mean minimumNotice?",
        "categories.major.minimumNotice": "does not begin with P; write P1M, P14D or PT30S",
        "categories.major.notices[2]":
          "has no leading minus; offsets count back from the release, as -P14D; or write announcement",
        "categories.major.notices[3]": "is not text; write announcement or an offset, as -P14D",
        "categories.major.notices[4]": "repeats notices[1]; name each offset once",
        "categories.major.notices[5]": "repeats notices[0]; name each offset once",
        "categories.emergency.lane": "is not a lane; write urgent or routine",
        "retries.webhook[0]": "has years or months, which are no fixed time; use days, hours, minutes or seconds",
        "retries.sms": "is unknown; known are webhook, email",
        disableAfter: "has years or months, which are no fixed time; use days, hours, minutes or seconds",
        "heldDays[0]":
          "is not a day of the week; write one of Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
        onRelease: "is neither true nor false",
        "timeouts.email": "is longer than 5 minutes; a slow partner would hold a sender's slot",
      },
    ));

  for (const json of [null, [], "major", 7])
    test(`${JSON.stringify(json)} is no policy`, () => assert.match(faultsIn(json)[""] ?? "", /not a JSON object/));

  for (const [path, json] of [
    ["categories", { categories: null }],
    ["categories.major", { categories: { major: [] } }],
    ["categories.major.notices", { categories: { major: { notices: "-P1D" } } }],
    ["retries.email", { retries: { email: "PT1M" } }],
    ["sendAt", { sendAt: "24:00" }],
    ["timeouts.webhook", { timeouts: { webhook: "P1D" } }],
    ["heldDays", { heldDays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] }],
    ["categories.__proto__", JSON.parse('{"categories":{"__proto__":{}}}')],
  ] as const)
    test(`a wrong ${path} is named`, () => assert.deepEqual(Object.keys(faultsIn(json)), [path]));

  test("no JSON makes reading throw", () =>
    fc.assert(fc.property(fc.jsonValue(), (json) => assert.ok(readPolicy(json)))));

  test("the schema itself refuses what is unknown", () => assert.ok(!policySchema.safeParse({ retry: {} }).success));
});

suite("what a category demands", () => {
  for (const [category, critical, minimum, lane] of [
    ["normal", false, undefined, "routine"],
    ["normal", true, undefined, "routine"],
    ["major", false, "P1M", "routine"],
    ["major", true, "P3M", "routine"],
    ["emergency", false, undefined, "urgent"],
    ["emergency", true, undefined, "urgent"],
  ] as const)
    test(`${category}${critical ? ", business critical," : ""} demands ${minimum ?? "no minimum"} on the ${lane} lane`, () => {
      assert.equal(demandOf(DEFAULT_POLICY, category, critical).minimumNotice, minimum);
      assert.equal(laneOf(DEFAULT_POLICY, category, critical), lane);
    });
});

suite("a policy's hash", () => {
  test("is the SHA-256 of its canonical JSON", () => {
    assert.equal(
      canonicalJson({ b: [2, { d: 1, c: null }], a: "é", u: undefined }),
      '{"a":"é","b":[2,{"c":null,"d":1}]}',
    );
    assert.equal(canonicalJson(undefined), "null");
    assert.equal(policyHash(DEFAULT_POLICY), "39fc9c09f52c00a087108b66326a8b6e66de98f6b649ebec095fcf6fb0e813cb");
  });

  test("does not depend on the order of names, and changes with any word", () => {
    const { timeZone, ...rest } = DEFAULT_POLICY;
    assert.equal(policyHash({ ...rest, timeZone }), policyHash(DEFAULT_POLICY));
    assert.notEqual(policyHash({ ...DEFAULT_POLICY, onRelease: true }), policyHash(DEFAULT_POLICY));
  });

  test("equal values have equal canonical JSON, which reads back as the value", () =>
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
        assert.equal(canonicalJson(JSON.parse(canonicalJson(value))), canonicalJson(value));
      }),
    ));
});

suite("a compressed policy", () => {
  const compressed = compressPolicy(DEFAULT_POLICY, 20_000);

  test("has exact offsets, a month as long as told and a day a thirtieth of it", () => {
    assert.deepEqual(compressed.categories, {
      normal: { notices: [] },
      major: { minimumNotice: "PT20S", notices: ["announcement", "-PT20S", "-PT9.333S", "-PT4.667S", "-PT0.667S"] },
      majorCritical: {
        minimumNotice: "PT60S",
        notices: ["announcement", "-PT60S", "-PT40S", "-PT20S", "-PT9.333S", "-PT4.667S", "-PT0.667S"],
      },
      emergency: { releaseWithin: "PT9.333S", notices: ["announcement", "-PT0.667S"], lane: "urgent" },
    });
  });

  test("keeps the retries and everything else, and is a policy that can be read", () => {
    const { categories, escalateAt } = DEFAULT_POLICY;
    assert.equal(compressed.escalateAt, "-PT9.333S");
    assert.deepEqual({ ...compressed, categories, escalateAt }, DEFAULT_POLICY);
    assert.deepEqual(read(compressed), compressed);
  });

  test("has one reminder where two become the same: a day and 24 hours", () => {
    const policy = read({ categories: { major: { notices: ["-P1D", "-PT24H"] } } });
    assert.deepEqual(compressPolicy(policy, 30 * 86_400_000).categories.major.notices, ["-PT24H"]);
  });

  test("never comes to nothing, however short the month", () =>
    assert.deepEqual(read(compressPolicy(DEFAULT_POLICY, 60)).categories.emergency.notices, [
      "announcement",
      "-PT0.002S",
    ]));
});

suite("faults", () => {
  test("a place is written as people write it", () =>
    assert.equal(pathOf(["categories", "major", "notices", 2]), "categories.major.notices[2]"));

  test("an unknown name that is near a known one is told so, case apart", () => {
    assert.equal(unknownName("SENDAT", ["sendAt", "timeZone"]), "is unknown, did you mean sendAt?");
    assert.equal(unknownName("colour", ["sendAt", "timeZone"]), "is unknown; known are sendAt, timeZone");
    assert.equal(unknownName("colour", []), "is unknown; leave it out");
  });

  test("names known at the top are not suggested for what is nested", () => {
    const parsed = policySchema.safeParse({ categories: { sendAd: {} } });
    assert.ok(!parsed.success);
    assert.deepEqual(faultsOf(parsed.error.issues, ["sendAt"]), [
      { path: "categories.sendAd", message: "is unknown; leave it out" },
    ]);
  });
});
