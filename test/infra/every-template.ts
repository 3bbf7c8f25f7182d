import { type Variant, variants } from '../../bin/templates/variants.ts';
import { synthesize } from './synthesis.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly Metadata?: unknown;
}

export interface VariantTemplates {
  readonly variant: Variant;
  readonly templates: readonly {
    /** `data`, `api` and so on. */
    readonly stack: string;
    readonly json: { readonly Resources?: Readonly<Record<string, Resource>>; readonly [section: string]: unknown };
  }[];
}

let synthesized: readonly VariantTemplates[] | undefined;

/** The templates of all variants, synthesised once for all tests of a process. */
export function everyTemplate(): readonly VariantTemplates[] {
  synthesized ??= variants.map((variant) => {
    const { app: _, ...stacks } = synthesize(variant.settings.stage, variant.annalsConfig, variant.settings);
    return { variant, templates: Object.entries(stacks).map(([stack, made]) => ({ stack, json: made.toJSON() })) };
  });
  return synthesized;
}

/** Every resource of every template, with the place that a failing test names. */
export function everyResource(): readonly { variant: Variant; stack: string; id: string; resource: Resource }[] {
  return everyTemplate().flatMap(({ variant, templates }) =>
    templates.flatMap(({ stack, json }) =>
      Object.entries(json.Resources ?? {}).map(([id, resource]) => ({ variant, stack, id, resource })),
    ),
  );
}
