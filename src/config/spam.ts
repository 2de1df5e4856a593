import type { SpamLevel } from '../pec/kinds.js'
import { section } from './section.js'

/** [spam]: the scores of rspamd from which ordinary mail is marked; undefined where rspamd is not asked. */
export const spam = section(
  'spam',
  ['enabled', 'low', 'medium', 'high'],
  (values): Readonly<Record<SpamLevel, number>> | undefined => {
    const enabled = values.yes('enabled', 'false')
    const levels = { low: values.decimal('low', 4), medium: values.decimal('medium', 8), high: values.decimal('high', 15) }
    if (!(levels.low < levels.medium && levels.medium < levels.high)) values.fault('low, medium and high do not rise')
    return enabled ? levels : undefined
  },
)
