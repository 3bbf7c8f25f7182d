import * as z from 'zod';
import { CorruptDataError, UnavailableError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { ControlPage, ControlStore } from '../store/control-store.ts';
import { newSecret } from './signature.ts';

const KIND = 'subscription-push';
const content = z.object({ secret: z.string() });

/**
 * The secrets of subscriptions that push, in the store of control items: events are shown to readers, and last for ever. So
 * the items are also the list of subscriptions that may push.
 */
export class PushTargets {
  readonly #control: ControlStore;

  constructor(control: ControlStore) {
    this.#control = control;
  }

  /** Names of subscriptions that may push. */
  async *names(): AsyncIterable<string> {
    for (let after: string | undefined; ; ) {
      const page: ControlPage = await this.#control.list(KIND, { limit: 100, after });
      for (const { id } of page.items) yield id;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /** The secret of a subscription. @throws UnavailableError when it has none */
  async secret(name: string): Promise<string> {
    const item = await this.#control.get(KIND, name);
    if (!item) throw new UnavailableError(`subscription ${name} has no secret; PUT its settings again`);
    const read = content.safeParse(item.content);
    if (!read.success) throw new CorruptDataError(`the secret of subscription ${name} cannot be read`);
    return read.data.secret;
  }

  /** Keeps a secret; without one given, the present one stays, or is made. @returns the secret, if it was made */
  set(name: string, given: string | undefined): Promise<string | undefined> {
    return untilSettled(async () => {
      const item = await this.#control.get(KIND, name);
      const made = given === undefined && !item ? newSecret() : undefined;
      const secret = given ?? made;
      if (secret === undefined || item?.content['secret'] === secret) return { made };
      if (await this.#control.put(KIND, name, { secret }, item?.revision ?? 0)) return { made };
      return undefined;
    }).then(({ made }) => made);
  }

  /** Forgets the secret of a subscription that pushes no more. */
  async remove(name: string): Promise<void> {
    await untilSettled(async () => {
      const item = await this.#control.get(KIND, name);
      return !item || (await this.#control.remove(KIND, name, item.revision));
    });
  }
}
