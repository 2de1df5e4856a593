import { section } from './section.js'

/** [files]: large messages in work; the size up to which they stay in memory, in bytes. */
export const files = section('files', ['spool', 'memory'], (values) => ({
  spool: values.path('spool', 'spool'),
  memory: values.number('memory', 4_194_304),
}))
