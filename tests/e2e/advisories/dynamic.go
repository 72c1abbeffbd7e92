package main

import (
	"MODULE/pkg/config"
	"MODULE/pkg/mapper/dynamicfile"
	"MODULE/pkg/token"
)

// The groups of the caller by a dynamic file with userIDStrict, or why it is refused.
func mapped(text string) interface{} {
	mapper, err := dynamicfile.NewDynamicFileMapper(config.Config{DynamicFileUserIDStrict: true})
	if err != nil {
		return err.Error()
	}
	if err := mapper.CallBackForFileLoad([]byte(text)); err != nil {
		return err.Error()
	}
	caller := &token.Identity{
		ARN:          "arn:aws:sts::111122223333:assumed-role/Dev/eve",
		CanonicalARN: "arn:aws:iam::111122223333:role/Dev",
		UserID:       "AROADEV",
	}
	mapping, err := mapper.Map(caller)
	if err != nil {
		return err.Error()
	}
	return mapping.Groups
}
