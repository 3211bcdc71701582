import { inject } from 'vitest';
import type { Services } from './setup.js';

/** What a service is reached by, or why it is not there. */
export async function reach<Name extends keyof Services>(
  name: Name,
): Promise<(Services[Name] & { readonly missing?: undefined }) | { readonly missing: string }> {
  const response = await fetch(`${inject('servicesUrl')}/${name}`);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Services[Name] | { readonly missing: string };
}
