CREATE SEQUENCE "public"."chunk_ids" INCREMENT BY 1000 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1000 CACHE 1;--> statement-breakpoint
CREATE TABLE "changes" (
	"change" text PRIMARY KEY NOT NULL,
	"revision" integer NOT NULL,
	"status" text NOT NULL,
	"category" text NOT NULL,
	"service" text NOT NULL,
	"release_at" timestamp (3) with time zone,
	"state" jsonb NOT NULL,
	"paused_at" timestamp (3) with time zone,
	"released_at" timestamp (3) with time zone,
	"released_by" text,
	"attention_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "changes_status" CHECK ("changes"."status" IN ('announced', 'recorded', 'released', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE "events" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "events_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source" text,
	"id" text,
	"type" text,
	"change" text,
	"body_hash" "bytea" NOT NULL,
	"envelope" jsonb NOT NULL,
	"status" text NOT NULL,
	"accepted_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"revision" integer,
	"answer" jsonb,
	"refusal" jsonb,
	CONSTRAINT "events_status" CHECK ("events"."status" IN ('accepted', 'held', 'refused'))
);
--> statement-breakpoint
CREATE TABLE "policies" (
	"hash" text PRIMARY KEY NOT NULL,
	"policy" jsonb NOT NULL,
	"first_used_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "revisions" (
	"change" text NOT NULL,
	"revision" integer NOT NULL,
	"event" bigint NOT NULL,
	"accepted_at" timestamp (3) with time zone NOT NULL,
	"policy" text NOT NULL,
	"lane" text NOT NULL,
	"state" jsonb NOT NULL,
	"differs" jsonb NOT NULL,
	"reason" text,
	"minor" boolean DEFAULT false NOT NULL,
	"verdict" jsonb NOT NULL,
	"planned_at" timestamp (3) with time zone,
	CONSTRAINT "revisions_change_revision_pk" PRIMARY KEY("change","revision")
);
--> statement-breakpoint
CREATE TABLE "attempts" (
	"notice" bigint NOT NULL,
	"endpoint" bigint NOT NULL,
	"attempt" smallint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"ms" integer NOT NULL,
	"code" smallint,
	"error" text,
	"answer" text,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "attempts_notice_endpoint_attempt_pk" PRIMARY KEY("notice","endpoint","attempt")
);
--> statement-breakpoint
CREATE TABLE "chunk_notices" (
	"chunk" bigint NOT NULL,
	"notice" bigint NOT NULL,
	CONSTRAINT "chunk_notices_chunk_notice_pk" PRIMARY KEY("chunk","notice")
);
--> statement-breakpoint
CREATE TABLE "chunks" (
	"id" bigint PRIMARY KEY NOT NULL,
	"lane" text NOT NULL,
	"channel" text NOT NULL,
	"state" text DEFAULT 'queued' NOT NULL,
	"held_for" text,
	"run" integer DEFAULT 0 NOT NULL,
	"leased_until" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "chunks_state" CHECK ("chunks"."state" IN ('held', 'queued', 'running', 'done'))
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"notice" bigint NOT NULL,
	"endpoint" bigint NOT NULL,
	"lane" text NOT NULL,
	"channel" text NOT NULL,
	"status" text DEFAULT 'waiting' NOT NULL,
	"reason" text,
	"chunk" bigint,
	"due_at" timestamp (3) with time zone NOT NULL,
	"sent_at" timestamp (3) with time zone,
	"attempts" smallint DEFAULT 0 NOT NULL,
	"first_at" timestamp (3) with time zone,
	"first_ms" integer,
	"first_code" smallint,
	"first_error" text,
	"first_answer" text,
	CONSTRAINT "deliveries_notice_endpoint_pk" PRIMARY KEY("notice","endpoint"),
	CONSTRAINT "deliveries_status" CHECK ("deliveries"."status" IN ('waiting', 'sent', 'failed', 'suppressed', 'skipped')),
	CONSTRAINT "deliveries_ended" CHECK ("deliveries"."chunk" IS NOT NULL OR "deliveries"."status" = 'waiting')
);
--> statement-breakpoint
CREATE TABLE "notices" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "notices_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"id" text NOT NULL,
	"change" text,
	"revision" integer,
	"kind" text NOT NULL,
	"offset" text,
	"lane" text NOT NULL,
	"audience" text NOT NULL,
	"release_at" timestamp (3) with time zone,
	"due_at" timestamp (3) with time zone NOT NULL,
	"day" date,
	"fan_out_at" timestamp (3) with time zone NOT NULL,
	"status" text NOT NULL,
	"folded_into" text,
	"cursor" bigint DEFAULT 0 NOT NULL,
	"only_endpoint" bigint,
	"reason" text,
	"fan_out_started_at" timestamp (3) with time zone,
	"fanned_out_at" timestamp (3) with time zone,
	"done_at" timestamp (3) with time zone,
	"escalates" boolean DEFAULT false NOT NULL,
	"escalated_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "notices_id_unique" UNIQUE("id"),
	CONSTRAINT "notices_status" CHECK ("notices"."status" IN ('planned', 'sending', 'done', 'superseded', 'cancelled', 'folded')),
	CONSTRAINT "notices_audience" CHECK ("notices"."audience" IN ('all', 'told', 'untold'))
);
--> statement-breakpoint
CREATE TABLE "replays" (
	"notice" bigint NOT NULL,
	"endpoint" bigint NOT NULL,
	"lane" text NOT NULL,
	"channel" text NOT NULL,
	"chunk" bigint,
	"due_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "replays_notice_endpoint_pk" PRIMARY KEY("notice","endpoint")
);
--> statement-breakpoint
CREATE TABLE "acknowledgements" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "acknowledgements_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"change" text NOT NULL,
	"partner" text NOT NULL,
	"revision" integer NOT NULL,
	"status" text NOT NULL,
	"by" text NOT NULL,
	"note" text,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "acknowledgements_status" CHECK ("acknowledgements"."status" IN ('seen', 'ready', 'needs-help'))
);
--> statement-breakpoint
CREATE TABLE "bounces" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "bounces_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"notice" bigint NOT NULL,
	"endpoint" bigint NOT NULL,
	"kind" text NOT NULL,
	"code" text NOT NULL,
	"diagnostic" text,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "bounces_kind" CHECK ("bounces"."kind" IN ('hard', 'soft'))
);
--> statement-breakpoint
CREATE TABLE "provider_alerts" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "provider_alerts_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"channel" text NOT NULL,
	"kind" text NOT NULL,
	"change" text NOT NULL,
	"subject" text NOT NULL,
	"body" text NOT NULL,
	"facts" jsonb NOT NULL,
	"dedupe" text NOT NULL,
	"status" text DEFAULT 'waiting' NOT NULL,
	"attempts" smallint DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"error" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "provider_alerts_fact" UNIQUE("dedupe","channel"),
	CONSTRAINT "provider_alerts_channel" CHECK ("provider_alerts"."channel" IN ('email', 'webhook')),
	CONSTRAINT "provider_alerts_status" CHECK ("provider_alerts"."status" IN ('waiting', 'sent', 'refused'))
);
--> statement-breakpoint
CREATE TABLE "seals" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "seals_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"through" timestamp (3) with time zone NOT NULL,
	"rows" integer NOT NULL,
	"previous" "bytea",
	"seal" "bytea" NOT NULL,
	"digests" "bytea" NOT NULL,
	"names" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "waivers" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "waivers_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"change" text NOT NULL,
	"partner" text,
	"by" text NOT NULL,
	"reason" text NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "endpoints" (
	"no" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "endpoints_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"partner" text NOT NULL,
	"channel" text NOT NULL,
	"address" text NOT NULL,
	"role" text DEFAULT 'primary' NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"secret_sealed" "bytea",
	"former_secret_sealed" "bytea",
	"former_secret_until" timestamp (3) with time zone,
	"failing_since" timestamp (3) with time zone,
	"exhausted" smallint DEFAULT 0 NOT NULL,
	"unwelcomed" boolean DEFAULT true NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "endpoints_channel" CHECK ("endpoints"."channel" IN ('email', 'webhook')),
	CONSTRAINT "endpoints_role" CHECK ("endpoints"."role" IN ('primary', 'escalation')),
	CONSTRAINT "endpoints_status" CHECK ("endpoints"."status" IN ('active', 'disabled', 'bounced', 'unsubscribed'))
);
--> statement-breakpoint
CREATE TABLE "followers" (
	"service" text NOT NULL,
	"endpoint" bigint NOT NULL,
	CONSTRAINT "followers_service_endpoint_pk" PRIMARY KEY("service","endpoint")
);
--> statement-breakpoint
CREATE TABLE "installation" (
	"one" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"paused_at" timestamp (3) with time zone,
	CONSTRAINT "installation_one" CHECK ("installation"."one")
);
--> statement-breakpoint
CREATE TABLE "keys" (
	"key" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"hash" "bytea" NOT NULL,
	"scopes" text[] NOT NULL,
	"from_variable" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "keys_hash" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "partners" (
	"partner" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"locale" text DEFAULT 'en' NOT NULL,
	"time_zone" text DEFAULT 'UTC' NOT NULL,
	"holidays" date[] DEFAULT '{}' NOT NULL,
	"subscriptions" text[] DEFAULT '{"*"}' NOT NULL,
	"page_epoch" integer DEFAULT 0 NOT NULL,
	"had_endpoints" boolean DEFAULT false NOT NULL,
	"joined_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"left_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "services" (
	"service" text PRIMARY KEY NOT NULL,
	"title" text NOT NULL,
	"business_critical" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "changes" ADD CONSTRAINT "changes_service_services_service_fk" FOREIGN KEY ("service") REFERENCES "public"."services"("service") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revisions" ADD CONSTRAINT "revisions_change_changes_change_fk" FOREIGN KEY ("change") REFERENCES "public"."changes"("change") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revisions" ADD CONSTRAINT "revisions_policy_policies_hash_fk" FOREIGN KEY ("policy") REFERENCES "public"."policies"("hash") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_change_changes_change_fk" FOREIGN KEY ("change") REFERENCES "public"."changes"("change") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "acknowledgements" ADD CONSTRAINT "acknowledgements_change_changes_change_fk" FOREIGN KEY ("change") REFERENCES "public"."changes"("change") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "acknowledgements" ADD CONSTRAINT "acknowledgements_partner_partners_partner_fk" FOREIGN KEY ("partner") REFERENCES "public"."partners"("partner") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "provider_alerts" ADD CONSTRAINT "provider_alerts_change_changes_change_fk" FOREIGN KEY ("change") REFERENCES "public"."changes"("change") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "waivers" ADD CONSTRAINT "waivers_change_changes_change_fk" FOREIGN KEY ("change") REFERENCES "public"."changes"("change") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "waivers" ADD CONSTRAINT "waivers_partner_partners_partner_fk" FOREIGN KEY ("partner") REFERENCES "public"."partners"("partner") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "endpoints" ADD CONSTRAINT "endpoints_partner_partners_partner_fk" FOREIGN KEY ("partner") REFERENCES "public"."partners"("partner") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "changes_release" ON "changes" USING btree ("release_at") WHERE status IN ('announced', 'recorded');--> statement-breakpoint
CREATE INDEX "changes_attention" ON "changes" USING btree ("attention_at") WHERE attention_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "changes_service" ON "changes" USING btree ("service");--> statement-breakpoint
CREATE UNIQUE INDEX "events_identity" ON "events" USING btree ("source","id") WHERE status <> 'refused';--> statement-breakpoint
CREATE INDEX "events_held" ON "events" USING btree ("change") WHERE status = 'held';--> statement-breakpoint
CREATE INDEX "events_refused" ON "events" USING btree ("no") WHERE status = 'refused';--> statement-breakpoint
CREATE INDEX "revisions_accepted" ON "revisions" USING btree ("accepted_at");--> statement-breakpoint
CREATE INDEX "revisions_unplanned" ON "revisions" USING btree ("accepted_at") WHERE planned_at IS NULL;--> statement-breakpoint
CREATE INDEX "attempts_recorded" ON "attempts" USING btree ("recorded_at");--> statement-breakpoint
CREATE INDEX "chunk_notices_notice" ON "chunk_notices" USING btree ("notice","chunk");--> statement-breakpoint
CREATE INDEX "chunks_open" ON "chunks" USING btree ("id") WHERE state <> 'done';--> statement-breakpoint
CREATE INDEX "chunks_leased" ON "chunks" USING btree ("leased_until") WHERE state = 'running';--> statement-breakpoint
CREATE INDEX "chunks_held" ON "chunks" USING btree ("lane","held_for","id") WHERE state = 'held';--> statement-breakpoint
CREATE INDEX "deliveries_chunk" ON "deliveries" USING btree ("chunk") WHERE chunk IS NOT NULL;--> statement-breakpoint
CREATE INDEX "deliveries_due" ON "deliveries" USING btree ("lane","due_at") WHERE chunk IS NULL;--> statement-breakpoint
CREATE INDEX "deliveries_unplaced" ON "deliveries" USING btree ("notice") WHERE chunk IS NULL;--> statement-breakpoint
CREATE INDEX "deliveries_sent" ON "deliveries" USING brin ("sent_at");--> statement-breakpoint
CREATE INDEX "notices_change" ON "notices" USING btree ("change","revision");--> statement-breakpoint
CREATE INDEX "notices_open" ON "notices" USING btree ("fan_out_at","no") WHERE status = 'planned' OR (status = 'sending' AND fanned_out_at IS NULL);--> statement-breakpoint
CREATE INDEX "notices_escalating" ON "notices" USING btree ("due_at") WHERE escalates AND escalated_at IS NULL;--> statement-breakpoint
CREATE INDEX "notices_sending" ON "notices" USING btree ("no") WHERE status = 'sending';--> statement-breakpoint
CREATE INDEX "replays_chunk" ON "replays" USING btree ("chunk");--> statement-breakpoint
CREATE INDEX "acknowledgements_change" ON "acknowledgements" USING btree ("change","partner");--> statement-breakpoint
CREATE INDEX "acknowledgements_at" ON "acknowledgements" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "bounces_delivery" ON "bounces" USING btree ("notice","endpoint","kind","code");--> statement-breakpoint
CREATE INDEX "bounces_at" ON "bounces" USING btree ("at");--> statement-breakpoint
CREATE INDEX "provider_alerts_due" ON "provider_alerts" USING btree ("channel","due_at") WHERE status = 'waiting';--> statement-breakpoint
CREATE INDEX "waivers_change" ON "waivers" USING btree ("change","partner");--> statement-breakpoint
CREATE INDEX "waivers_at" ON "waivers" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "endpoints_address" ON "endpoints" USING btree ("partner","channel","address") WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX "endpoints_mailbox" ON "endpoints" USING btree (lower(address)) WHERE channel = 'email' AND deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX "endpoints_partner" ON "endpoints" USING btree ("partner");--> statement-breakpoint
CREATE INDEX "endpoints_not_reaching" ON "endpoints" USING btree ("partner") WHERE status <> 'active' OR role <> 'primary' OR deleted_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "endpoints_unwelcomed" ON "endpoints" USING btree ("no") WHERE unwelcomed;--> statement-breakpoint
CREATE INDEX "partners_without_endpoints" ON "partners" USING btree ("partner") WHERE NOT had_endpoints AND left_at IS NULL;--> statement-breakpoint
ALTER TABLE "deliveries" SET (fillfactor = 45);--> statement-breakpoint
INSERT INTO "installation" DEFAULT VALUES;--> statement-breakpoint
CREATE FUNCTION zone_or_utc(zone text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN CASE WHEN now() AT TIME ZONE zone IS NOT NULL THEN zone END;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN 'UTC';
END $$;--> statement-breakpoint
CREATE FUNCTION follow_with_endpoints() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The lock: subscriptions that change at the same time are read as they will be.
  INSERT INTO followers (service, endpoint)
  SELECT unnest(subscriptions), no
  FROM (SELECT p.subscriptions, made.no FROM made JOIN partners p ON p.partner = made.partner FOR SHARE OF p) AS locked
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER endpoints_follow AFTER INSERT ON endpoints REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION follow_with_endpoints();--> statement-breakpoint
CREATE FUNCTION follow_with_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM followers USING endpoints e
  WHERE e.partner = NEW.partner AND followers.service = ANY(OLD.subscriptions) AND followers.endpoint = e.no;
  INSERT INTO followers (service, endpoint)
  SELECT unnest(NEW.subscriptions), no FROM endpoints WHERE partner = NEW.partner AND deleted_at IS NULL
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER partners_follow AFTER UPDATE OF subscriptions ON partners
  FOR EACH ROW WHEN (OLD.subscriptions IS DISTINCT FROM NEW.subscriptions) EXECUTE FUNCTION follow_with_subscriptions();
