/**
 * One of the two databases that are compared, Deno's and Quire's, and its results as text in which
 * equal behaviour has equal texts: a versionstamp is its number in the order of commits.
 */

/** A constructor of `KvU64`. */
export type U64 = new (value: bigint) => Deno.KvU64;

/** One of the two databases. */
export class Side {
  /** The handle. */
  readonly kv: Deno.Kv;
  /** The versionstamps of the commits, in order. */
  readonly versionstamps: string[] = [];

  constructor(kv: Deno.Kv) {
    this.kv = kv;
  }

  /** Runs an operation. Returns its result or its error as text, and whether a call threw it. */
  async run(operation: (side: Side) => unknown): Promise<string> {
    let result: unknown;
    try {
      result = operation(this);
    } catch (error) {
      return `thrown: ${this.errorText(error as Error)}`;
    }
    try {
      return this.textOf(await result);
    } catch (error) {
      return this.errorText(error as Error);
    }
  }

  /** An error as text. */
  protected errorText(error: Error): string {
    return `${Object.getPrototypeOf(error).constructor.name} ${error.name}: ${error.message}`;
  }

  /** Notes the versionstamp of a result, and checks that it is later than all before. */
  noted<T>(result: T): T {
    const { versionstamp } = result as { versionstamp?: string };
    if (versionstamp !== undefined) {
      if (versionstamp <= (this.versionstamps.at(-1) ?? "")) {
        throw new Error(`${versionstamp} is not after ${this.versionstamps.at(-1)}`);
      }
      this.versionstamps.push(versionstamp);
    }
    return result;
  }

  /** A value as text. */
  textOf(value: unknown): string {
    const text = Deno.inspect(value, {
      depth: 20,
      iterableLimit: Infinity,
      strAbbreviateSize: Infinity,
      breakLength: Infinity,
    });
    return text.replaceAll(/[0-9a-f]{16}0000/g, (stamp) => {
      const at = this.versionstamps.indexOf(stamp);
      return at < 0 ? stamp : `commit ${at}`;
    });
  }
}

/** A database behind a server, whose errors reach the program as those of the client. */
export class ServedSide extends Side {
  protected override errorText(error: Error): string {
    const refusal = /^KV Connect failed to call .* \(status=4\d\d [\w ]+\): (.*)$/s.exec(
      error.message,
    );
    if (refusal === null) return super.errorText(error);
    return super.errorText(new TypeError(refusal[1]!));
  }
}
