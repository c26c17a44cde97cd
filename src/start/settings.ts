import type { Config } from '../config.ts';
import type { DepsParts } from '../deps.ts';
import { smtpTransport } from '../platform/mail/smtp.ts';

/** What the configuration decides about the whole installation, as the dependencies take it. */
export function settingsOf(config: Config): Pick<DepsParts, 'settings' | 'mail'> {
  const {
    firmName,
    timeZone,
    publicUrl,
    alarmEmails,
    retentionYears,
    bulkReadThreshold,
    depositDays,
    exportDays,
    rateLimits,
    tickMonths,
    marginCall,
    streamLimits,
    paymentSecrets,
    payoutProviders,
    kycProviders,
    screeningVendor,
    monitoringVendor,
    goaml,
    venues,
  } = config;
  return {
    settings: {
      firmName,
      timeZone,
      publicUrl,
      alarmEmails,
      retentionYears,
      bulkReadThreshold,
      depositDays,
      exportDays,
      rateLimits,
      tickMonths,
      marginCall,
      streamLimits,
      paymentSecrets,
      payoutProviders,
      kycProviders,
      screeningVendor,
      monitoringVendor,
      goaml,
      ...venues,
    },
    ...(config.smtp === null ? {} : { mail: smtpTransport(config.smtp, config.mailFrom) }),
  };
}
