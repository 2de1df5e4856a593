import { section } from './section.js'

/**
 * [directory]: where our domains and mailboxes are, the embedded file or LDAP servers; what passwords must be like: their least
 * characters, and the days that a temporary one lasts.
 */
export const directory = section('directory', ['engine', 'file', 'password_length', 'first_password_days'], (values) => ({
  engine: values.oneOf('engine', ['file', 'ldap'], 'file'),
  file: values.path('file', 'directory.json'),
  passwordLength: values.number('password_length', 8),
  firstPasswordDays: values.number('first_password_days', 3),
}))
