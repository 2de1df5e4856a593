import { section } from './section.js'

/** [directory]: where our domains and mailboxes are: the embedded file, or LDAP servers. */
export const directory = section('directory', ['engine', 'file'], (values) => ({
  engine: values.oneOf('engine', ['file', 'ldap'], 'file'),
  file: values.path('file', 'directory.json'),
}))
