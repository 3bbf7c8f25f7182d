export const rooms: Readonly<Record<string, { readonly holds: string; readonly may: readonly string[] }>>;
