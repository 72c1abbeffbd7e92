# Note.

variable "eks_cluster_name" {
  type    = string
  default = "new"
}

resource "aws_eks_access_entry" "role_team_dev_111122223333__bf83cd56" {
  cluster_name      = var.eks_cluster_name
  principal_arn     = "arn:aws:iam::111122223333:role/team/Dev"
  type              = "STANDARD"
  user_name         = "dev:{{SessionName}}"
  kubernetes_groups = ["dev", "ops"]
}

resource "aws_eks_access_policy_association" "role_team_dev_111122223333__bf83cd56_AmazonEKSViewPolicy" {
  cluster_name  = aws_eks_access_entry.role_team_dev_111122223333__bf83cd56.cluster_name
  principal_arn = aws_eks_access_entry.role_team_dev_111122223333__bf83cd56.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"

  access_scope {
    type       = "namespace"
    namespaces = ["a", "b-*"]
  }
}

resource "aws_eks_access_entry" "user_ann_111122223333" {
  cluster_name  = var.eks_cluster_name
  principal_arn = "arn:aws:iam::111122223333:user/ann"
  type          = "STANDARD"
  user_name     = "ann"
}

resource "aws_eks_access_policy_association" "user_ann_111122223333_AmazonEKSClusterAdminPolicy" {
  cluster_name  = aws_eks_access_entry.user_ann_111122223333.cluster_name
  principal_arn = aws_eks_access_entry.user_ann_111122223333.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}

resource "aws_eks_access_entry" "role_nodes_111122223333" {
  cluster_name  = var.eks_cluster_name
  principal_arn = "arn:aws:iam::111122223333:role/Nodes"
  type          = "EC2_LINUX"
}
