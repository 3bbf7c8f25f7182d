import type { Stage } from 'aws-cdk-lib/aws-apigateway';
import * as waf from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';

/** An address is blocked above this many requests in five minutes. */
const REQUESTS_PER_ADDRESS = 100_000;

/** Matches a Content-Length of 6,000,000 or more, which no request may have. */
const TOO_LONG = '^([6-9]\\d{6}|\\d{8,})$';

const visible = (metricName: string) => ({ cloudWatchMetricsEnabled: true, sampledRequestsEnabled: false, metricName });

const managed = (name: string, priority: number, excluded: string[] = []): waf.CfnWebACL.RuleProperty => ({
  name,
  priority,
  overrideAction: { none: {} },
  visibilityConfig: visible(name),
  statement: {
    managedRuleGroupStatement: {
      vendorName: 'AWS',
      name,
      ruleActionOverrides: excluded.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
    },
  },
});

/**
 * Puts a web ACL before the API. It blocks large requests, addresses with many requests, and requests that AWS knows as
 * malicious. It does not sample requests, because bodies hold the work of agents.
 */
export function addWebAcl(scope: Construct, stage: Stage): void {
  const acl = new waf.CfnWebACL(scope, 'WebAcl', {
    scope: 'REGIONAL',
    description: 'Annals: what never reaches the API',
    defaultAction: { allow: {} },
    visibilityConfig: visible('annals'),
    rules: [
      {
        name: 'TooLong',
        priority: 0,
        action: { block: {} },
        visibilityConfig: visible('TooLong'),
        statement: {
          regexMatchStatement: {
            fieldToMatch: { singleHeader: { Name: 'content-length' } },
            regexString: TOO_LONG,
            textTransformations: [{ priority: 0, type: 'NONE' }],
          },
        },
      },
      {
        name: 'TooOften',
        priority: 1,
        action: { block: {} },
        visibilityConfig: visible('TooOften'),
        statement: { rateBasedStatement: { aggregateKeyType: 'IP', limit: REQUESTS_PER_ADDRESS } },
      },
      // Agents write code, paths and commands into their steps, so the rules that look for these in bodies only count.
      managed('AWSManagedRulesCommonRuleSet', 2, [
        'SizeRestrictions_BODY',
        'CrossSiteScripting_BODY',
        'GenericLFI_BODY',
        'GenericRFI_BODY',
        'EC2MetaDataSSRF_BODY',
      ]),
      managed('AWSManagedRulesAmazonIpReputationList', 3),
    ],
  });
  new waf.CfnWebACLAssociation(scope, 'WebAclAssociation', { resourceArn: stage.stageArn, webAclArn: acl.attrArn });
}
