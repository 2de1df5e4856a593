/** The version of Haraka. The gateway relies on how one version works inside, which no other promises. */
import { versions } from '../archive/versions.js'
import { PecError } from '../errors.js'
import type { Plugin } from './types.js'

/** Throws PecError 'configuration' if the Haraka that loads the plugin is another than the one this package depends on. */
export function checkVersion(plugin: Pick<Plugin, 'haraka_require'>): void {
  const { version } = plugin.haraka_require('package.json') as { readonly version: string }
  const { Haraka: wanted = '' } = versions()
  if (version !== wanted)
    throw new PecError('configuration', `this is Haraka ${version}: the gateway needs ${wanted}, which pec start runs`)
}
