import { section } from './section.js'

/** [trust]: the authorities of providers' certificates, and their revocation lists; the refresh in seconds. */
export const trust = section('trust', ['anchors', 'crl', 'crl_copies', 'crl_required', 'crl_refresh'], (values) => ({
  anchors: values.path('anchors', 'config/pec_anchors.pem'),
  crl: values.sources('crl'),
  crlCopies: values.path('crl_copies', 'crl'),
  crlRequired: values.yes('crl_required', 'true'),
  crlRefresh: values.number('crl_refresh', 3600),
}))
