import { section } from './section.js'

const KEYS = ['anchors', 'crl', 'crl_copies', 'crl_required', 'crl_refresh', 'revocation', 'ocsp_timeout'] as const

const SOURCES = ['crl', 'ocsp'] as const

/** [trust]: the authorities of providers' certificates, their revocation lists and OCSP responders; times in seconds. */
export const trust = section('trust', KEYS, (values) => {
  const words = values.list('revocation', 'crl, ocsp')
  const revocation = SOURCES.filter((source) => words.includes(source)).sort((a, b) => words.indexOf(a) - words.indexOf(b))
  if (revocation.length !== words.length)
    values.fault(`revocation is ${words.join(', ')}, not crl and ocsp in either order, or one of them`)
  return {
    anchors: values.path('anchors', 'config/pec_anchors.pem'),
    crl: values.sources('crl'),
    crlCopies: values.path('crl_copies', 'crl'),
    crlRequired: values.yes('crl_required', 'true'),
    crlRefresh: values.number('crl_refresh', 3600),
    revocation,
    ocspTimeout: values.number('ocsp_timeout', 5),
  }
})
