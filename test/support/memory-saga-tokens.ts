import type { SagaToken, SagaTokens } from '../../core/sagas/tokens.ts';

/** A simple store of saga tokens in a Map. */
export class MemorySagaTokens implements SagaTokens {
  readonly #tokens = new Map<string, SagaToken>();

  async put(token: SagaToken): Promise<void> {
    this.#tokens.set(keyOf(token), token);
  }

  async remove(token: SagaToken): Promise<void> {
    if (this.#tokens.get(keyOf(token))?.token === token.token) this.#tokens.delete(keyOf(token));
  }

  async find(sagaId: string, step: string, item: string): Promise<SagaToken | undefined> {
    return this.#tokens.get(keyOf({ sagaId, step, item }));
  }

  async ofSaga(sagaId: string): Promise<readonly SagaToken[]> {
    return [...this.#tokens.values()].filter((token) => token.sagaId === sagaId);
  }

  async waitingFor(party: string): Promise<readonly string[]> {
    const waiting = [...this.#tokens.values()].filter((token) => token.parties.includes(party));
    return [...new Set(waiting.map(({ sagaId }) => sagaId))];
  }
}

const keyOf = ({ sagaId, step, item }: Pick<SagaToken, 'sagaId' | 'step' | 'item'>): string =>
  `${sagaId}/${step}/${item}`;
