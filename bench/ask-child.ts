import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** A process of the benchmark's own that answers one question at a time: a sink or a yardstick. */
export type AskedChild = {
  pid: number;
  ask<Answer>(question: object): Promise<Answer>;
  stop(): Promise<void>;
};

/** Starts `file` (from bench/), which calls `answerQuestions`. It ends with this process, however that ends. */
export const startChild = (file: string): AskedChild => {
  const child = fork(join(import.meta.dirname, file), { serialization: "advanced", execArgv: [] });
  const exited = once(child, "exit");
  return {
    pid: child.pid ?? 0,
    ask: async <Answer>(question: object): Promise<Answer> => {
      const over = new AbortController();
      try {
        child.send(question);
        const answered = once(child, "message", { signal: over.signal }).then(([answer]: unknown[]) => answer);
        const answer = await Promise.race([answered, exited.then(() => null)]);
        if (answer === null) throw new Error(`${file} ended before it answered`);
        if (answer instanceof Error) throw answer;
        return answer as Answer;
      } finally {
        over.abort();
      }
    },
    stop: async () => {
      child.kill();
      await exited;
    },
  };
};

/** The child's side: each question is answered with what `answer` resolves to, or with its error. */
export const answerQuestions = (answer: (question: object) => Promise<object>): void => {
  process.on("message", (question: object) => {
    void answer(question)
      .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
      .then((told) => process.send?.(told));
  });
  process.on("disconnect", () => process.exit(0));
};
