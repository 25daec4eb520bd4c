import { createHash } from "node:crypto";
import type { Fault } from "../domain/fault.ts";
import {
  type Acknowledgement,
  insertAcknowledgement,
  latestAcknowledgement,
  type NewAcknowledgement,
} from "../ledger/acknowledgements.ts";
import { lockChange } from "../ledger/changes.ts";
import { inTransaction, type Ledger, type Sql } from "../ledger/connection.ts";
import { endpointsOf } from "../ledger/endpoints.ts";
import { findChangeView } from "../ledger/change-views.ts";
import { findPartner } from "../ledger/partners.ts";
import { concerns } from "../ledger/proof.ts";
import type { Log } from "../log.ts";
import type { TellProvider } from "./tell-provider.ts";

export type Acknowledged =
  | { kind: "recorded"; acknowledgement: Acknowledgement }
  /** The partner's last word on the change was the very same: it stands, and nobody is told again. */
  | { kind: "repeated"; acknowledgement: Acknowledgement }
  | { kind: "refused"; faults: Fault[] }
  /** There is no such change. */
  | { kind: "absent" };

/** Records a partner's word on a change; whoever calls has made sure that the partner, or somebody for it, says it. */
export type Acknowledge = (said: NewAcknowledgement) => Promise<Acknowledged>;

type Parts = { ledger: Ledger; tellProvider: TellProvider; publicUrl: string; log: Log };

/** Two notes are two cries for help, the same note is one. */
const aboutHelp = ({ change, partner, revision, note }: NewAcknowledgement): string => {
  const said = createHash("sha256")
    .update(note ?? "")
    .digest("hex")
    .slice(0, 16);
  return `needs-help.${change}.${partner}.r${revision}.${said}`;
};

const sameWord = (a: NewAcknowledgement, b: NewAcknowledgement): boolean =>
  a.revision === b.revision && a.status === b.status && a.by === b.by && a.note === b.note;

/** Why a word cannot be recorded: it must be on a revision that exists, of a partner whom the change concerns. */
const faultsOf = async (sql: Sql, said: NewAcknowledgement, revision: number): Promise<Fault[]> => {
  const faults: Fault[] = [];
  if (!(await findPartner(sql, said.partner)))
    faults.push({
      path: "partner",
      message: `"${said.partner}" is not known; use the id of a partner who has not left`,
    });
  else if (!(await concerns(sql, said.change, said.partner)))
    faults.push({
      path: "partner",
      message: `"${said.partner}" is not concerned by ${said.change}: it neither subscribes to its service nor was told of it`,
    });
  if (said.revision < 1 || said.revision > revision)
    faults.push({
      path: "revision",
      message: `${said.change} has no revision ${said.revision}; use one from 1 to ${revision}`,
    });
  return faults;
};

/** `needs-help` tells the provider's own contact in the same commit. */
export const makeAcknowledge = ({ ledger, tellProvider, publicUrl, log }: Parts): Acknowledge => {
  const callForHelp = async (sql: Sql, said: NewAcknowledgement, title: string): Promise<void> => {
    const { change, partner, revision, by, note } = said;
    const name = (await findPartner(sql, partner))?.name ?? partner;
    const endpoints = await endpointsOf(sql, [partner]);
    const contacts = endpoints
      .filter(({ channel, status }) => channel === "email" && status === "active")
      .toSorted((a, b) => Number(b.role === "primary") - Number(a.role === "primary"))
      .map(({ address }) => address);
    const page = `${publicUrl}/v1/changes/${change}/proof.html`;
    await tellProvider(sql, {
      kind: "needs-help",
      change,
      subject: `[${change}] ${name} needs help`,
      body: [
        `${name} (${partner}) asks for help with ${change}, revision ${revision}:`,
        title,
        "",
        note === null ? "They left no note." : `They write:\n\n${note}`,
        "",
        `Said by ${by}.`,
        contacts.length > 0
          ? `You can answer them at ${contacts.join(", ")}.`
          : "No mail address of theirs is known that works.",
        `What every partner was told of this change, and has said: ${page}`,
      ].join("\n"),
      facts: { revision, title, partner, name, by, note, contacts, links: { page } },
      dedupe: aboutHelp(said),
    });
  };

  return async (said) => {
    const result = await inTransaction(ledger.pools.urgent, async (sql): Promise<Acknowledged> => {
      // Presses of a button that come at once take turns.
      await lockChange(sql, said.change);
      const change = await findChangeView(sql, said.change);
      if (!change) return { kind: "absent" };
      const faults = await faultsOf(sql, said, change.revision);
      if (faults.length > 0) return { kind: "refused", faults };
      const last = await latestAcknowledgement(sql, said.change, said.partner);
      if (last && sameWord(last, said)) return { kind: "repeated", acknowledgement: last };
      const acknowledgement = await insertAcknowledgement(sql, said);
      if (said.status === "needs-help") await callForHelp(sql, said, change.state.fields.title);
      return { kind: "recorded", acknowledgement };
    });
    if (result.kind === "recorded")
      log.info(
        { change: said.change, partner: said.partner, revision: said.revision, status: said.status },
        "change acknowledged",
      );
    return result;
  };
};
