import { section, sectionOfDomains } from './section.js'

export const TLS_POLICIES = ['verified', 'required', 'optional'] as const

export type TlsPolicy = (typeof TLS_POLICIES)[number]

/** [peers]: TLS towards other providers, the authorities of their TLS certificates, and what tells the sender of their refusals. */
export const peers = section('peers', ['tls', 'ca', 'refusal'], (values) => ({
  tls: values.oneOf('tls', TLS_POLICIES, 'required'),
  ca: values.optionalPath('ca'),
  refusal: values.oneOf('refusal', ['notice', 'wait'], 'notice'),
}))

/** [peer_tls]: TLS for single domains of other providers. */
export const peerTls = sectionOfDomains('peer_tls', (values) => values.domainsWithOneOf(TLS_POLICIES, 'required'))

/** [routes]: where mail for a domain goes, instead of asking the DNS. */
export const routes = sectionOfDomains('routes', (values) => values.domainsWithEndpoints())
