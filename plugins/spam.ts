/** Lets rspamd rate ordinary mail, where [spam] of pec.ini says so. Its address is in rspamd.ini. */
import { parseConfig } from '../src/config/config.js'
import type { Ini } from '../src/config/values.js'
import { useSpamFilter } from '../src/haraka/gateway.js'
import { openSpamFilter, type Rspamd } from '../src/haraka/spam-filter.js'

export function register(this: Rspamd): void {
  const { spam } = parseConfig(this.config.get('pec.ini') as Ini, process.env['HARAKA'] ?? process.cwd())
  if (spam === undefined) return
  // haraka-plugin-rspamd: inherited from, it hooks nothing by itself.
  this.inherits('rspamd')
  useSpamFilter(openSpamFilter(this, spam))
}
