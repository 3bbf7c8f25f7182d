/** A kind of region, and what CloudFormation puts in the place of its pseudo parameters there. */
export interface Partition {
  readonly 'AWS::Partition': string;
  readonly 'AWS::Region': string;
  readonly 'AWS::URLSuffix': string;
}

const partition = (name: string, region: string, suffix: string): Partition => ({
  'AWS::Partition': name,
  'AWS::Region': region,
  'AWS::URLSuffix': suffix,
});

export const partitions: readonly Partition[] = [
  partition('aws', 'eu-central-1', 'amazonaws.com'),
  partition('aws-cn', 'cn-north-1', 'amazonaws.com.cn'),
  partition('aws-us-gov', 'us-gov-west-1', 'amazonaws.com'),
];

/** For tables of tests: the region is the title. */
export const byRegion = partitions.map((where) => [where['AWS::Region'], where] as const);

const ACCOUNT = '123456789012';

/** A value of a template as CloudFormation would fill it in, as far as the checks here need it. */
export function resolveIn(where: Partition, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveIn(where, item));
  if (typeof value !== 'object' || value === null) return value;
  const [[intrinsic, argument] = ['', undefined], ...others] = Object.entries(value);
  if (others.length === 0) {
    const resolved = resolveIntrinsic(where, intrinsic, argument);
    if (resolved !== undefined) return resolved;
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolveIn(where, member)]));
}

function resolveIntrinsic(where: Partition, intrinsic: string, argument: unknown): unknown {
  switch (intrinsic) {
    case 'Ref':
      if (argument === 'AWS::AccountId') return ACCOUNT;
      return { ...where }[argument as string] ?? `<${argument}>`;
    case 'Fn::GetAtt':
      return `arn:${where['AWS::Partition']}:service:${where['AWS::Region']}:${ACCOUNT}:${(argument as string[])[0]}`;
    case 'Fn::ImportValue':
      return `<${resolveIn(where, argument)}>`;
    case 'Fn::Join': {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map((part) => resolveIn(where, part)).join(separator);
    }
    case 'Fn::Split': {
      const [separator, text] = argument as [string, unknown];
      return String(resolveIn(where, text)).split(separator);
    }
    case 'Fn::Select': {
      const [index, list] = argument as [number, unknown];
      return (resolveIn(where, list) as unknown[])[index];
    }
    default:
      return undefined;
  }
}
