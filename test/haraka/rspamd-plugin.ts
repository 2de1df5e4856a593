/** haraka-plugin-rspamd as Haraka hands it to a plugin that inherits from it, without Haraka. */
import { createRequire } from 'node:module'
import type { Rspamd } from '../../src/haraka/spam-filter.js'

export interface TestRspamdPlugin extends Rspamd {
  readonly warnings: string[]
}

/** `main` are the settings of rspamd.ini before its first section. */
export function rspamdPlugin(main: Readonly<Record<string, unknown>>): TestRspamdPlugin {
  const warnings: string[] = []
  const silent = (): void => undefined
  const sections = ['check', 'dkim', 'reject', 'soft_reject', 'rewrite_subject', 'rmilter_headers', 'smtp_message', 'defer']
  const ini = { main, ...Object.fromEntries(sections.map((name) => [name, {}])) }
  const plugin = {
    ...(createRequire(__filename)('haraka-plugin-rspamd') as Rspamd & { register(): void }),
    ...{ name: 'pec/spam', timeout: 30, warnings, config: { get: () => ini } },
    ...{ loginfo: silent, lognotice: silent, logerror: silent, logcrit: silent },
    logwarn: (...what: unknown[]) => void warnings.push(what.join(' ')),
  }
  plugin.register()
  return plugin
}
