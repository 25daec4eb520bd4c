import Fastify from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { readEvent } from "../../src/domain/event.ts";
import { BYTES } from "../../src/http/limits.ts";
import { readEventTypes } from "../../src/http/routes/events.ts";
import { eventQuery } from "../../src/http/shapes/event.ts";
import { zodValidator } from "../../src/http/validate.ts";
import { answerQuestions } from "../ask-child.ts";

/**
 * The yardstick of accepting: fastify with the API's own parsers and every check of an event that needs no ledger. It
 * knows no keys, keeps nothing, plans nothing and answers 202.
 */
type Question = { kind: "listen" };

const app = Fastify().withTypeProvider<ZodTypeProvider>();
app.setValidatorCompiler(zodValidator);
readEventTypes(app);

const accept = (envelope: unknown): { change: string } => {
  if (Buffer.byteLength(JSON.stringify(envelope)) > BYTES.event) throw new Error("the event is too large");
  const read = readEvent(envelope);
  if ("faults" in read) throw new Error(`the event is refused: ${JSON.stringify(read.faults)}`);
  return { change: read.event.change };
};

app.post("/v1/events", { schema: { querystring: eventQuery } }, async ({ body }, reply) =>
  reply.code(202).send(Array.isArray(body) ? body.map(accept) : accept(body)),
);

answerQuestions(async (asked) => {
  const { kind } = asked as Question;
  if (kind !== "listen") throw new Error(`${String(kind)} is no question here`);
  return { origin: await app.listen({ host: "127.0.0.1", port: 0 }) };
});
