import { section } from './section.js'

/** [quarantine]: where infected messages are kept, and for how many months. */
export const quarantine = section('quarantine', ['directory', 'months'], (values) => ({
  directory: values.path('directory', 'quarantine'),
  // RFC 6109 §2.2.4 asks for these; more is a provider's choice.
  months: values.number('months', 30, 30),
}))
