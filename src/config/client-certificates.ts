import { section } from './section.js'

/**
 * [client_certificates]: whether users log in with certificates of their mail programs, and whose password (lower case) is enough
 * nevertheless; undefined for not.
 */
export const clientCertificates = section('client_certificates', ['login', 'authorities', 'exempt'], (values) => {
  const login = values.oneOf('login', ['off', 'allowed', 'required'], 'off')
  const authorities = values.optionalPath('authorities')
  const exempt: ReadonlySet<string> = new Set(values.list('exempt').map((address) => address.toLowerCase()))
  if (login === 'off') return undefined
  if (authorities === undefined) values.fault(`login is ${login}, but authorities names no file`)
  return { login, authorities: authorities ?? '', exempt }
})
