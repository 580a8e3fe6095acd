/** What was acknowledged, written down before it is forgotten: the one witness that no fault of the server can reach. */

import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";

export class Journal {
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
    writeFileSync(file, "");
  }

  /** Batches `fromSeq` to `upto` of the tracker `name` were acknowledged. */
  write(name: string, fromSeq: number, upto: number): void {
    appendFileSync(this.file, `${name} ${fromSeq} ${upto}\n`);
  }

  /** Every acknowledged seq by tracker. */
  read(): Map<string, Set<number>> {
    const acked = new Map<string, Set<number>>();
    for (const line of readFileSync(this.file, "utf8").split("\n")) {
      const [name = "", from, upto] = line.split(" ");
      if (name === "") continue;
      const seqs = acked.get(name) ?? new Set();
      for (let seq = Number(from); seq <= Number(upto); seq++) seqs.add(seq);
      acked.set(name, seqs);
    }
    return acked;
  }

  remove(): void {
    rmSync(this.file, { force: true });
  }
}
