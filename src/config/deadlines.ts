import { section } from './section.js'

/** [deadlines]: seconds from the acceptance to the notices. */
export const deadlines = section('deadlines', ['first', 'second'], (values) => {
  const first = values.number('first', 43_200)
  const second = values.number('second', 81_000)
  if (first >= second) values.fault('first is not before second')
  return { first, second }
})
