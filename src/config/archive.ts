import { section } from './section.js'

/** [archive]: where the days of the register are archived, for how many months, and to whom they are handed over. */
export const archive = section('archive', ['directory', 'margin', 'months', 'hand_over', 'addressee'], (values) => ({
  directory: values.path('directory', 'archive'),
  /** Seconds. */
  margin: values.number('margin', 3600, 600),
  months: values.number('months', 30, 30),
  handOver: values.optionalPath('hand_over'),
  addressee: values.text('addressee', 'Responsabile della sicurezza dei log dei messaggi'),
}))
