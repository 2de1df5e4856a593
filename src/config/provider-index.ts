import { section } from './section.js'

/** [index]: the index of providers; the refresh in seconds. */
export const index = section('index', ['file', 'refresh'], (values) => ({
  file: values.path('file', 'config/pec_index.ldif'),
  refresh: values.number('refresh', 10),
}))
