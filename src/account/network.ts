/** Whom failed logins are counted by. */
import { isIPv6 } from 'node:net'

/** Who has one IPv6 address has all of its network. */
export function networkOf(ip: string): string {
  if (!isIPv6(ip) || ip.startsWith('::')) return ip
  const [head = '', tail] = ip.split('::')
  const groups = head.split(':')
  return (tail === undefined ? groups : [...groups, '0', '0', '0', '0']).slice(0, 4).join(':')
}

/** Of a login as it is tried from one network. */
export function keyOf(login: string, ip: string): string {
  return `${networkOf(ip)} ${login.toLowerCase()}`
}
