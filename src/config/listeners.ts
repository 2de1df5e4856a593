import { section } from './section.js'

/** [listeners]: the local ports of the access point and of the reception point. */
export const listeners = section('listeners', ['submission', 'reception'], (values) => {
  const submission = values.ports('submission', '465,587')
  const reception = values.ports('reception', '25')
  for (const port of submission) if (reception.includes(port)) values.fault(`port ${port} is both submission and reception`)
  if (submission.length === 0) values.fault('submission names no port')
  if (reception.length === 0) values.fault('reception names no port')
  return { submission, reception }
})
